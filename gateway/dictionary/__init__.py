"""What staff say about statuses: written as a draft, published in versions, and gone back to."""
