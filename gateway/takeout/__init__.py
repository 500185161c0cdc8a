"""A member's own copy of what the portal shows them and knows of them: one file, docs/account.md says what is in it."""
