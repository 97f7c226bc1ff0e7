# enable-unit.sh UNIT
# Has a unit start at boot; whether it runs now stays as it is.
exec systemctl enable -q "$1"
