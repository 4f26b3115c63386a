"""THE HTTP ENDPOINT: routes, JSON and the page. It asks an Operator to act and reads board and history."""
