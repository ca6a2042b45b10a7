package packaging

import "strings"

// IsStdlibModule reports whether n is the name of a current or former top-level module of Python's standard library. A
// project with such a name would be installed by mistake, or would shadow the module.
func IsStdlibModule(n ProjectName) bool { return stdlibModules[n] }

var stdlibModules = func() map[ProjectName]bool {
	set := map[ProjectName]bool{}
	for m := range strings.FieldsSeq(stdlibNames) {
		set[ProjectName{normal: m}] = true
	}
	return set
}()

// stdlibNames are normalized. Private modules are omitted, except __future__.
const stdlibNames = `
abc aifc annotationlib antigravity anydbm argparse array ast asynchat asyncio asyncore atexit audiodev audioop
base64 basehttpserver bastion bdb binascii binhex bisect bsddb builtins bz2 calendar cgi cgihttpserver cgitb
chunk cmath cmd code codecs codeop collections colorsys commands compileall concurrent configparser contextlib
contextvars cookie cookielib copy copyreg cprofile crypt csv ctypes curses dataclasses datetime dbhash dbm
decimal difflib dircache dis distutils dl doctest docxmlrpcserver dumbdbm dummy-thread dummy-threading email
encodings ensurepip enum errno exceptions faulthandler fcntl filecmp fileinput fnmatch formatter fpformat
fractions ftplib functools future future-builtins gc genericpath getopt getpass gettext gl glob graphlib grp
gzip hashlib heapq hmac hotshot html htmlentitydefs htmlparser http httplib idlelib ihooks imaplib imghdr imp
importlib imputil inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma macpath
macurl2path mailbox mailcap marshal math mhlib mimetools mimetypes mimewriter mimify mmap modulefinder msilib
msvcrt multifile multiprocessing mutex netrc new nis nntplib nt ntpath nturl2path numbers opcode operator
optparse os ossaudiodev parser pathlib pdb pickle pickletools pipes pkgutil platform plistlib popen2 poplib
posix posixfile posixpath pprint profile pstats pty pwd py-compile pyclbr pydoc pydoc-data pyexpat queue
quopri random re readline reprlib resource rexec rfc822 rlcompleter robotparser runpy sched secrets select
selectors sets sgmllib sha shelve shlex shutil signal simplehttpserver simplexmlrpcserver site smtpd smtplib
sndhdr socket socketserver spwd sqlite3 sre-compile sre-constants sre-parse ssl stat statistics statvfs string
stringio stringold stringprep struct subprocess sunau sunaudio symbol symtable sys sysconfig syslog tabnanny
tarfile telnetlib tempfile termios textwrap this threading time timeit tkinter toaiff token tokenize tomllib
trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib urllib2 urlparse
user userdict userlist userstring uu uuid venv warnings wave weakref webbrowser whichdb winreg winsound
wsgiref xdrlib xml xmllib xmlrpc xmlrpclib zipapp zipfile zipimport zlib zoneinfo
`
