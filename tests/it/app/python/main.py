print("a small app")
