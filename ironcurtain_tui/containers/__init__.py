"""The agent's container: engine, images, what it may see and do, its life, the proof of no way out."""
