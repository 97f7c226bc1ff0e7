# authority.sh trust PATH TRUSTED <PEM | authority.sh forget PATH
# Has the host trust who signed the certificates in PEM, or trust them no more. TRUSTED, which update-ca-certificates makes,
# is there only when the host trusts what stands at PATH now.
set -eu
case $1 in
trust)
	rm -f "$3"
	(umask 022 && mkdir -p "${2%/*}")
	part=$(mktemp "${2%/*}/.stackctl.XXXXXX")
	trap 'rm -f "$part"' EXIT
	cat >"$part"
	chmod 0644 "$part"
	sync "$part"
	mv -fT "$part" "$2"
	;;
forget) rm -f "$2" ;;
*) exit 64 ;;
esac
update-ca-certificates 2>&1
[ "$1" = forget ] || [ -e "$3" ]
