"""Where two sources speak of the same thing: whether they say the same, and which of them counts."""
