"""What may happen. Pure: values in, verdicts out."""
