"""Following back offices: what changes over there is brought into what is kept, and all of it is read again in turn."""
