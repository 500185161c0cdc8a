"""What customers take away: a statement as a file for a spreadsheet, and as one to print."""
