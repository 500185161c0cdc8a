"""Request Tracker 5's REST2 interface, as asked of a real one."""
