# engine-run.sh
# Prints which run of Docker's engine this is, once it neither starts nor stops; another line than before when it has restarted.
tries=200
while [ "$tries" -gt 0 ]; do
    case $(systemctl show --value -p ActiveState docker.service) in
    active | failed) break ;;
    esac
    tries=$((tries - 1))
    sleep 0.1
done
exec systemctl show --value -p InvocationID docker.service
