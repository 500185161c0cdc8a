"""Zendesk Support's API v2, as its reference documents it; where the reference is silent, nothing is served."""
