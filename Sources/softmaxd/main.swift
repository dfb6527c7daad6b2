// No room below asks for libm by name, though fma and rint come from it on processors without them: the program links it.
import Glibc

print("softmaxd")
