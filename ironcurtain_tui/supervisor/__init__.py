"""One detached process a session: puts the rooms together and outlives every viewer."""
