"""Help articles: where they come from, how they are found, and what customers make of them."""
