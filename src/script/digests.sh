# digests.sh FOLDER
# Prints the SHA-256 and the path of each file below FOLDER.
cd -- "$1" 2>/dev/null || exit 0
find . -type f -exec sha256sum -- {} + | sort -k 2
