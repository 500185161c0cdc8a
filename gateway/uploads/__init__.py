"""Files that customers send: what we take, how they are named, and who looks into them first."""
