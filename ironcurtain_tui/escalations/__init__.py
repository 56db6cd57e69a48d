"""What waits for a person: the queue, the card, the digest it is bound to, and standing grants. Pure."""
