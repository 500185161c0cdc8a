"""Mails: to whom, whether they want them, what they say, and how they go out once."""
