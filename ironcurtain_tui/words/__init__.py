"""What the person said, told from the keys alone: they are decoded, and a line is edited as the agent's editor does."""
