"""What the page and the HTTP API share: networks, uploads, limits, and who may ask."""
