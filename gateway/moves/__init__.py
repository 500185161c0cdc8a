"""Two accounts that are one customer made one, and one that is two parted again, with all that is theirs."""
