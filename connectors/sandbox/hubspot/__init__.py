"""HubSpot's CRM: objects with their properties, pipelines and associations, to be read only."""
