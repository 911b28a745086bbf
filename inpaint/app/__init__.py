"""The web page: what people see, and the endpoint that programs call."""
