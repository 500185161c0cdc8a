"""A page on which whoever tries the portal plays staff: change a back office's record, and watch."""
