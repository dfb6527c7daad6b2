// SoftmaxCore
