"""A rehearsal: a scripted stand-in for the model, so that the whole product can be seen without a key."""
