"""What customers send: written down first, then done in the back office, once."""
