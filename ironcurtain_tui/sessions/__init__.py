"""The sessions of this machine, also those whose supervisor is dead: which there are, what is left, what may go."""
