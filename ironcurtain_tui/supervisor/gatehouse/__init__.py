"""Between a question and its answer: an action is decided, recorded, put before a person, let through or not."""
