
use builtin;
use str;

set edit:completion:arg-completer[stackctl] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'stackctl'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'stackctl'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand init 'Write a commented stackctl.yaml, or unpack a bundled example'
            cand schema 'Print the JSON Schema of stackctl.yaml, for editors'
            cand render 'Write every file that would go to a host, without touching one'
            cand plan 'Show what provision and deploy would do, with the diff of each file'
            cand apply 'Carry out a saved plan: exactly that one, or none'
            cand provision 'Make the hosts ready: packages, Docker, nginx, databases, sites'
            cand deploy 'Ship what is in this folder: build, start beside the old release, check, switch, drain'
            cand rollback 'Send requests back to an earlier release, exactly as it was; a second when it is still warm'
            cand history 'Show who changed what on the hosts, when, from where, and how it ended'
            cand diff 'Compare two releases of a service: its files, environment and settings'
            cand lock 'See who holds the lock of the stack, or let no run begin for a while'
            cand doctor 'Look at this machine and each host, and say what repairs what is wrong'
            cand status 'Say whether everything that must be true is true'
            cand demo 'See it work: a disposable host, the reference app with its database, and the URL'
            cand lab 'Disposable hosts that look like fresh EC2 instances'
            cand rehearse 'Deploy what is in this folder on disposable hosts, under load, and show what visitors see of it'
            cand load 'Put steady load on a URL and say what became of each request'
            cand completions 'Print the completion script of a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'stackctl;init'= {
            cand --example 'Unpack this bundled example instead of a starter'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;schema'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;render'= {
            cand -o 'Write the files below this folder, one folder a host'
            cand --out 'Write the files below this folder, one folder a host'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;plan'= {
            cand -o 'Save the plan for `stackctl apply FILE`'
            cand --out 'Save the plan for `stackctl apply FILE`'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand --exit-code 'Exit with 7 when something would change or was changed by hand'
            cand --overwrite-drift 'Plan to put right what was changed by hand on a host'
            cand --no-hooks 'Leave the hooks of the yaml out of what is saved'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;apply'= {
            cand --lock-wait 'How long to wait while another run holds the lock, such as 30s, 5m or 0'
            cand --reason 'Why, for whoever finds the lock taken'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand --dry-run 'Only say whether the plan still holds'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;provision'= {
            cand --lock-wait 'How long to wait while another run holds the lock, such as 30s, 5m or 0'
            cand --reason 'Why, for whoever finds the lock taken'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand --dry-run 'Show the plan and stop'
            cand --overwrite-drift 'Put right what was changed by hand on a host'
            cand --no-hooks 'Leave the hooks of the yaml out'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;deploy'= {
            cand --lock-wait 'How long to wait while another run holds the lock, such as 30s, 5m or 0'
            cand --reason 'Why, for whoever finds the lock taken'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand --dry-run 'Show the plan and stop'
            cand --overwrite-drift 'Put right what was changed by hand on a host'
            cand --no-hooks 'Leave the hooks of the yaml out'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;rollback'= {
            cand --to 'The release; without one, the last that served before'
            cand --lock-wait 'How long to wait while another run holds the lock, such as 30s, 5m or 0'
            cand --reason 'Why, for whoever finds the lock taken'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand --dry-run 'Show the plan and stop'
            cand --overwrite-drift 'Put right what was changed by hand on a host'
            cand --no-hooks 'Leave the hooks of the yaml out'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;history'= {
            cand -n 'How many runs, the last ones'
            cand --limit 'How many runs, the last ones'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;diff'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lock'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand status 'Say which run holds the lock, or who put the stack on hold'
            cand hold 'Let no run begin until `lock release`; one that is under way goes on'
            cand release 'End a hold, whoever began it'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'stackctl;lock;status'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lock;hold'= {
            cand --reason 'Why, for whoever is refused'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lock;release'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lock;help'= {
            cand status 'Say which run holds the lock, or who put the stack on hold'
            cand hold 'Let no run begin until `lock release`; one that is under way goes on'
            cand release 'End a hold, whoever began it'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'stackctl;lock;help;status'= {
        }
        &'stackctl;lock;help;hold'= {
        }
        &'stackctl;lock;help;release'= {
        }
        &'stackctl;lock;help;help'= {
        }
        &'stackctl;doctor'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;status'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;demo'= {
            cand --base 'What the disposable host runs'
            cand --database-image 'The database''s image'
            cand --name 'The lab''s name [default: from this folder]'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand --keep 'Keep the lab running at the end without asking (it is kept anyway; `--down` removes it)'
            cand --down 'Remove what the demo made'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lab'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand up 'Boot disposable hosts on the local Docker engine'
            cand status 'Say which hosts run and how to reach them'
            cand ssh 'Open a shell on a lab host, or run a command there'
            cand images 'List the images that lab hosts can pull, and what each really is'
            cand down 'Remove the lab: its hosts, networks, volumes and keys'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'stackctl;lab;up'= {
            cand --hosts 'How many'
            cand --base 'What they run: bookworm, trixie or sid'
            cand --name 'The lab''s name [default: from this folder]'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lab;status'= {
            cand --name 'The lab''s name [default: from this folder]'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lab;ssh'= {
            cand --name 'The lab''s name [default: from this folder]'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lab;images'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lab;down'= {
            cand --name 'The lab''s name [default: from this folder]'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand --images 'Also the cached images of all labs'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;lab;help'= {
            cand up 'Boot disposable hosts on the local Docker engine'
            cand status 'Say which hosts run and how to reach them'
            cand ssh 'Open a shell on a lab host, or run a command there'
            cand images 'List the images that lab hosts can pull, and what each really is'
            cand down 'Remove the lab: its hosts, networks, volumes and keys'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'stackctl;lab;help;up'= {
        }
        &'stackctl;lab;help;status'= {
        }
        &'stackctl;lab;help;ssh'= {
        }
        &'stackctl;lab;help;images'= {
        }
        &'stackctl;lab;help;down'= {
        }
        &'stackctl;lab;help;help'= {
        }
        &'stackctl;rehearse'= {
            cand --from 'The commit that serves first [default: HEAD]'
            cand --rate 'Requests a second, over all sites'
            cand --path 'Paths to GET, in turn [default: / and the apps'' health paths]'
            cand --post 'A path to POST to and its JSON, in which `{id}` becomes a number of its own'
            cand --calm 'How long the load goes on before, between and after'
            cand --out 'The page to write'
            cand --base 'What the disposable hosts run'
            cand --name 'The lab''s name [default: from this folder]'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand --keep 'Keep the disposable hosts at the end'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;load'= {
            cand --rate 'Requests a second, due at their times whatever the server does'
            cand --for 'For how long'
            cand --connections 'How many may be under way at once, of each kind'
            cand --close 'The share of requests with a connection of their own; the others use kept ones'
            cand --get 'Paths to GET, in turn [default: / when nothing is asked]'
            cand --post 'A path to POST to and its JSON, in which `{id}` becomes a number of its own; taken in turn with the others'
            cand --id-prefix 'What the ids of POSTs begin with'
            cand --websockets 'WebSockets that stay open and exchange a message each second'
            cand --websocket-path 'Where the server sends messages back'
            cand --downloads 'Downloads at a time that are read slowly'
            cand --download-path 'What they download'
            cand --version-header 'The header of answers that names the version which answered'
            cand --timeout 'A request without a whole answer after this long is lost'
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;completions'= {
            cand -c 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand --config 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]'
            cand -e 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --environment 'Merge stackctl.NAME.yaml over the stack''s yaml'
            cand --host 'Only these hosts'
            cand --service 'Only these services'
            cand --color 'Colours; `auto` follows the terminal and NO_COLOR'
            cand -y 'Do not ask'
            cand --yes 'Do not ask'
            cand --json 'One JSON object on stdout instead of text'
            cand -v 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand --verbose 'Show what runs on the hosts and what it says, secrets masked; twice for more'
            cand -q 'Only errors and the result'
            cand --quiet 'Only errors and the result'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'stackctl;help'= {
            cand init 'Write a commented stackctl.yaml, or unpack a bundled example'
            cand schema 'Print the JSON Schema of stackctl.yaml, for editors'
            cand render 'Write every file that would go to a host, without touching one'
            cand plan 'Show what provision and deploy would do, with the diff of each file'
            cand apply 'Carry out a saved plan: exactly that one, or none'
            cand provision 'Make the hosts ready: packages, Docker, nginx, databases, sites'
            cand deploy 'Ship what is in this folder: build, start beside the old release, check, switch, drain'
            cand rollback 'Send requests back to an earlier release, exactly as it was; a second when it is still warm'
            cand history 'Show who changed what on the hosts, when, from where, and how it ended'
            cand diff 'Compare two releases of a service: its files, environment and settings'
            cand lock 'See who holds the lock of the stack, or let no run begin for a while'
            cand doctor 'Look at this machine and each host, and say what repairs what is wrong'
            cand status 'Say whether everything that must be true is true'
            cand demo 'See it work: a disposable host, the reference app with its database, and the URL'
            cand lab 'Disposable hosts that look like fresh EC2 instances'
            cand rehearse 'Deploy what is in this folder on disposable hosts, under load, and show what visitors see of it'
            cand load 'Put steady load on a URL and say what became of each request'
            cand completions 'Print the completion script of a shell'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'stackctl;help;init'= {
        }
        &'stackctl;help;schema'= {
        }
        &'stackctl;help;render'= {
        }
        &'stackctl;help;plan'= {
        }
        &'stackctl;help;apply'= {
        }
        &'stackctl;help;provision'= {
        }
        &'stackctl;help;deploy'= {
        }
        &'stackctl;help;rollback'= {
        }
        &'stackctl;help;history'= {
        }
        &'stackctl;help;diff'= {
        }
        &'stackctl;help;lock'= {
            cand status 'Say which run holds the lock, or who put the stack on hold'
            cand hold 'Let no run begin until `lock release`; one that is under way goes on'
            cand release 'End a hold, whoever began it'
        }
        &'stackctl;help;lock;status'= {
        }
        &'stackctl;help;lock;hold'= {
        }
        &'stackctl;help;lock;release'= {
        }
        &'stackctl;help;doctor'= {
        }
        &'stackctl;help;status'= {
        }
        &'stackctl;help;demo'= {
        }
        &'stackctl;help;lab'= {
            cand up 'Boot disposable hosts on the local Docker engine'
            cand status 'Say which hosts run and how to reach them'
            cand ssh 'Open a shell on a lab host, or run a command there'
            cand images 'List the images that lab hosts can pull, and what each really is'
            cand down 'Remove the lab: its hosts, networks, volumes and keys'
        }
        &'stackctl;help;lab;up'= {
        }
        &'stackctl;help;lab;status'= {
        }
        &'stackctl;help;lab;ssh'= {
        }
        &'stackctl;help;lab;images'= {
        }
        &'stackctl;help;lab;down'= {
        }
        &'stackctl;help;rehearse'= {
        }
        &'stackctl;help;load'= {
        }
        &'stackctl;help;completions'= {
        }
        &'stackctl;help;help'= {
        }
    ]
    $completions[$command]
}
