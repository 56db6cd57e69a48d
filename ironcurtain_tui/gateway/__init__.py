"""The second door: tools for the agent, over the Model Context Protocol."""
