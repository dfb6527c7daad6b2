print("softmaxd")
