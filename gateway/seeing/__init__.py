"""What customers see: written as a draft, tried, published in versions, and gone back to."""
