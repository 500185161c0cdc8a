"""What customers can ask for by a form: topics, which staff define."""
