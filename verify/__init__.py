"""`make verify-aws`: a throw-away copy of the stack in an AWS account, checked for what only AWS can answer."""
