# nginx-words.sh
# Prints the last lines in which nginx said why it did not load a configuration, such as a port that another program has.
tail -n 500 /var/log/nginx/error.log 2>/dev/null | grep -F '[emerg]' | tail -n 3
exit 0
