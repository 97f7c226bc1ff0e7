# reload-units.sh
exec systemctl daemon-reload
