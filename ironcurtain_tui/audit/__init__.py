"""The audit log: what happened, in order, chained so that a change shows."""
