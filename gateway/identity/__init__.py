"""Who is who: from a login to a customer's account, by proof and never by a guess."""
