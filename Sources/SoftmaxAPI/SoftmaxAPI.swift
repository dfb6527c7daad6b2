// SoftmaxAPI
