# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_stackctl_global_optspecs
    string join \n c/config= e/environment= host= service= y/yes json v/verbose q/quiet color= h/help V/version
end

function __fish_stackctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_stackctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_stackctl_using_subcommand
    set -l cmd (__fish_stackctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c stackctl -n "__fish_stackctl_needs_command" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_needs_command" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_needs_command" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_needs_command" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_needs_command" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_needs_command" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_needs_command" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_needs_command" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_needs_command" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_needs_command" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_needs_command" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "init" -d 'Write a commented stackctl.yaml, or unpack a bundled example'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "schema" -d 'Print the JSON Schema of stackctl.yaml, for editors'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "render" -d 'Write every file that would go to a host, without touching one'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "plan" -d 'Show what provision and deploy would do, with the diff of each file'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "apply" -d 'Carry out a saved plan: exactly that one, or none'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "provision" -d 'Make the hosts ready: packages, Docker, nginx, databases, sites'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "deploy" -d 'Ship what is in this folder: build, start beside the old release, check, switch, drain'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "rollback" -d 'Send requests back to an earlier release, exactly as it was; a second when it is still warm'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "history" -d 'Show who changed what on the hosts, when, from where, and how it ended'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "diff" -d 'Compare two releases of a service: its files, environment and settings'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "lock" -d 'See who holds the lock of the stack, or let no run begin for a while'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "doctor" -d 'Look at this machine and each host, and say what repairs what is wrong'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "status" -d 'Say whether everything that must be true is true'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "logs" -d 'Show what services say: their containers\' output, and nginx\'s logs of the sites'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "restart" -d 'Stop services and start them again, apps without losing a request'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "stop" -d 'Take services offline until they are started; `status` tells by whom'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "start" -d 'Start services that were stopped, as they were'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "destroy" -d 'Take the stack away from its hosts: containers, networks, images, units, site, state; data only with --volumes'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "exec" -d 'Run a program where a service runs; its exit code is passed on'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "run" -d 'Run a program in a new container or unit, made as the release is that serves, and remove it'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "shell" -d 'Open a shell where a service runs, or on a host'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "db" -d 'Open a database\'s own client, as the stack\'s user, with what is behind `--` as its arguments'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "backup" -d 'Save what a database holds, as of one moment, to a file of this machine'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "restore" -d 'Put what a backup holds in the place of what a database holds now'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "demo" -d 'See it work: a disposable host, the reference app with its database, and the URL'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "lab" -d 'Disposable hosts that look like fresh EC2 instances'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "rehearse" -d 'Deploy what is in this folder on disposable hosts, under load, and show what visitors see of it'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "load" -d 'Put steady load on a URL and say what became of each request'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c stackctl -n "__fish_stackctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -l example -d 'Unpack this bundled example instead of a starter' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand init" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand schema" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -s o -l out -d 'Write the files below this folder, one folder a host' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand render" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -s o -l out -d 'Save the plan for `stackctl apply FILE`' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l exit-code -d 'Exit with 7 when something would change or was changed by hand'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l overwrite-drift -d 'Plan to put right what was changed by hand on a host'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l seed -d 'Plan to run `seed` again where it ran before'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l ignore-dns -d 'Plan to ask for certificates also for names that have no address'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l no-hooks -d 'Leave the hooks of the yaml out of what is saved'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand plan" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -l dry-run -d 'Only say whether the plan still holds'
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand apply" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l dry-run -d 'Show the plan and stop'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l overwrite-drift -d 'Put right what was changed by hand on a host'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l ignore-dns -d 'Ask for certificates also for names that have no address'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l no-hooks -d 'Leave the hooks of the yaml out'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand provision" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l dry-run -d 'Show the plan and stop'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l overwrite-drift -d 'Put right what was changed by hand on a host'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l ignore-dns -d 'Ask for certificates also for names that have no address'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l no-hooks -d 'Leave the hooks of the yaml out'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l seed -d 'Run `seed` again where it ran before'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand deploy" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l to -d 'The release; without one, the last that served before' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l dry-run -d 'Show the plan and stop'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l overwrite-drift -d 'Put right what was changed by hand on a host'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l ignore-dns -d 'Ask for certificates also for names that have no address'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l no-hooks -d 'Leave the hooks of the yaml out'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand rollback" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -s n -l limit -d 'How many runs, the last ones' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand history" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand diff" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -f -a "status" -d 'Say which run holds the lock, or who put the stack on hold'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -f -a "hold" -d 'Let no run begin until `lock release`; one that is under way goes on'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -f -a "release" -d 'End a hold, whoever began it'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and not __fish_seen_subcommand_from status hold release help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -l reason -d 'Why, for whoever is refused' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from hold" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from release" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "status" -d 'Say which run holds the lock, or who put the stack on hold'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "hold" -d 'Let no run begin until `lock release`; one that is under way goes on'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "release" -d 'End a hold, whoever began it'
complete -c stackctl -n "__fish_stackctl_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand status" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -l since -d 'Only lines after this: a time ago such as 10m, or a time such as 2026-11-21T10:00 (UTC unless it has a zone)' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -l grep -d 'Only lines with this text in them; capitals count when it has any' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s n -l tail -d 'Only the last lines of each service, or `all` [default: 100, or all with --since or --grep]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s f -l follow -d 'Go on with what is said from now on, also by the releases of later deploys'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -l nginx -d 'Also nginx\'s access and error logs of the services\' sites'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s t -l timestamps -d 'Show each line\'s time'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand logs" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -l dry-run -d 'Show the plan and stop'
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand restart" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -l dry-run -d 'Show the plan and stop'
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand stop" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -l dry-run -d 'Show the plan and stop'
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand start" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l confirm -d 'The stack\'s name, in the place of typing it' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l volumes -d 'Also the data of databases, for good'
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l dry-run -d 'Show the plan and stop'
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand destroy" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s u -l user -d 'Run as this user of the container or host, by name or number [default: the service\'s]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s T -l no-tty -d 'Give the program no terminal, even where there is one'
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand exec" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s u -l user -d 'Run as this user of the container or host, by name or number [default: the service\'s]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s T -l no-tty -d 'Give the program no terminal, even where there is one'
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand run" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -l root -d 'As root'
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand shell" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand db" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -s o -l output -d 'The file to write; `-` is stdout [default: STACK-SERVICE-TIME.sql.gz in this folder]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand backup" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -l lock-wait -d 'How long to wait while another run holds the lock, such as 30s, 5m or 0' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -l reason -d 'Why, for whoever finds the lock taken' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -l force -d 'Also a backup of another stack, service or host'
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand restore" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l base -d 'What the disposable host runs' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l database-image -d 'The database\'s image' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l name -d 'The lab\'s name [default: from this folder]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l keep -d 'Keep the lab running at the end without asking (it is kept anyway; `--down` removes it)'
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l down -d 'Remove what the demo made'
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand demo" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -f -a "up" -d 'Boot disposable hosts on the local Docker engine'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -f -a "status" -d 'Say which hosts run and how to reach them'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -f -a "ssh" -d 'Open a shell on a lab host, or run a command there'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -f -a "images" -d 'List the images that lab hosts can pull, and what each really is'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -f -a "down" -d 'Remove the lab: its hosts, networks, volumes and keys'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and not __fish_seen_subcommand_from up status ssh images down help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -l hosts -d 'How many' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -l base -d 'What they run: bookworm, trixie or sid' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -l name -d 'The lab\'s name [default: from this folder]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -l ready -d 'New hosts have Docker, nginx and common images already, as if they had been provisioned before'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from up" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -l name -d 'The lab\'s name [default: from this folder]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from status" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -l name -d 'The lab\'s name [default: from this folder]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from ssh" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from images" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -l name -d 'The lab\'s name [default: from this folder]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -l images -d 'Also the cached images of all labs'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from down" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "up" -d 'Boot disposable hosts on the local Docker engine'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "status" -d 'Say which hosts run and how to reach them'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "ssh" -d 'Open a shell on a lab host, or run a command there'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "images" -d 'List the images that lab hosts can pull, and what each really is'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "down" -d 'Remove the lab: its hosts, networks, volumes and keys'
complete -c stackctl -n "__fish_stackctl_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l from -d 'The commit that serves first [default: HEAD]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l rate -d 'Requests a second, over all sites' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l path -d 'Paths to GET, in turn [default: / and the apps\' health paths]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l post -d 'A path to POST to and its JSON, in which `{id}` becomes a number of its own' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l calm -d 'How long the load goes on before, between and after' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l out -d 'The page to write' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l base -d 'What the disposable hosts run' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l name -d 'The lab\'s name [default: from this folder]' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l keep -d 'Keep the disposable hosts at the end'
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand rehearse" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l rate -d 'Requests a second; with --search, the first rate that is tried' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l duration -d 'For how long; with --search, each rate' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l within -d 'How late an answer may be in a search' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l connect -d 'Connect to this address, whatever the URL\'s name leads to' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l ca -d 'Trust the authorities in this file (PEM) instead of this machine\'s' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l connections -d 'How many may be under way at once, of each kind' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l close -d 'The share of requests with a connection of their own; the others use kept ones' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l get -d 'More paths to GET, in turn with the URL\'s; that is left out when it is / and something else is asked' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l post -d 'A path to POST to and its JSON, in which `{id}` becomes a number of its own; taken in turn with the others' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l id-prefix -d 'What the ids of POSTs begin with' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l websockets -d 'WebSockets that stay open and exchange a message each second' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l websocket-path -d 'Where the server sends messages back' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l downloads -d 'Downloads at a time that are read slowly' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l download-path -d 'What they download' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l version-header -d 'The header of answers that names the version which answered' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l timeout -d 'A request without a whole answer after this long is lost' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l search -d 'Find the highest rate at which nothing is lost and 99 of 100 answers come within --within'
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand load" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -s c -l config -d 'The stack\'s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]' -r -F
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -s e -l environment -d 'Merge stackctl.NAME.yaml over the stack\'s yaml' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -l host -d 'Only these hosts' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -l service -d 'Only these services' -r
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -l color -d 'Colours; `auto` follows the terminal and NO_COLOR' -r -f -a "auto\t''
always\t''
never\t''"
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -s y -l yes -d 'Do not ask'
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -l json -d 'One JSON object on stdout instead of text'
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -s v -l verbose -d 'Show what runs on the hosts and what it says, secrets masked; twice for more'
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -s q -l quiet -d 'Only errors and the result'
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -s h -l help -d 'Print help'
complete -c stackctl -n "__fish_stackctl_using_subcommand completions" -s V -l version -d 'Print version'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "init" -d 'Write a commented stackctl.yaml, or unpack a bundled example'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "schema" -d 'Print the JSON Schema of stackctl.yaml, for editors'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "render" -d 'Write every file that would go to a host, without touching one'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "plan" -d 'Show what provision and deploy would do, with the diff of each file'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "apply" -d 'Carry out a saved plan: exactly that one, or none'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "provision" -d 'Make the hosts ready: packages, Docker, nginx, databases, sites'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "deploy" -d 'Ship what is in this folder: build, start beside the old release, check, switch, drain'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "rollback" -d 'Send requests back to an earlier release, exactly as it was; a second when it is still warm'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "history" -d 'Show who changed what on the hosts, when, from where, and how it ended'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "diff" -d 'Compare two releases of a service: its files, environment and settings'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "lock" -d 'See who holds the lock of the stack, or let no run begin for a while'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "doctor" -d 'Look at this machine and each host, and say what repairs what is wrong'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "status" -d 'Say whether everything that must be true is true'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "logs" -d 'Show what services say: their containers\' output, and nginx\'s logs of the sites'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "restart" -d 'Stop services and start them again, apps without losing a request'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "stop" -d 'Take services offline until they are started; `status` tells by whom'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "start" -d 'Start services that were stopped, as they were'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "destroy" -d 'Take the stack away from its hosts: containers, networks, images, units, site, state; data only with --volumes'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "exec" -d 'Run a program where a service runs; its exit code is passed on'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "run" -d 'Run a program in a new container or unit, made as the release is that serves, and remove it'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "shell" -d 'Open a shell where a service runs, or on a host'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "db" -d 'Open a database\'s own client, as the stack\'s user, with what is behind `--` as its arguments'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "backup" -d 'Save what a database holds, as of one moment, to a file of this machine'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "restore" -d 'Put what a backup holds in the place of what a database holds now'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "demo" -d 'See it work: a disposable host, the reference app with its database, and the URL'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "lab" -d 'Disposable hosts that look like fresh EC2 instances'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "rehearse" -d 'Deploy what is in this folder on disposable hosts, under load, and show what visitors see of it'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "load" -d 'Put steady load on a URL and say what became of each request'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and not __fish_seen_subcommand_from init schema render plan apply provision deploy rollback history diff lock doctor status logs restart stop start destroy exec run shell db backup restore demo lab rehearse load completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and __fish_seen_subcommand_from lock" -f -a "status" -d 'Say which run holds the lock, or who put the stack on hold'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and __fish_seen_subcommand_from lock" -f -a "hold" -d 'Let no run begin until `lock release`; one that is under way goes on'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and __fish_seen_subcommand_from lock" -f -a "release" -d 'End a hold, whoever began it'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "up" -d 'Boot disposable hosts on the local Docker engine'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "status" -d 'Say which hosts run and how to reach them'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "ssh" -d 'Open a shell on a lab host, or run a command there'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "images" -d 'List the images that lab hosts can pull, and what each really is'
complete -c stackctl -n "__fish_stackctl_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "down" -d 'Remove the lab: its hosts, networks, volumes and keys'
