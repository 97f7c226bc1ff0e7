# firewall-load.sh LOADER UNIT
# Loads the firewall's files and has that done at each boot. Exit 1 with nft's words on stderr; what was loaded before
# then still is.
sh "$1" || exit 1
exec systemctl enable -q --now "$2"
