"""Webhooks as they come in, what became of them, and how back offices are told to send them."""
