"""Signing in by a code that comes by mail: asked for, sent, and taken once, in the browser that asked."""
