"""Odoo 18's JSON-RPC interface and its tokenised portal pages, as recorded from a real one."""
