
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'stackctl' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'stackctl'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'stackctl' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a commented stackctl.yaml, or unpack a bundled example')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of stackctl.yaml, for editors')
            [CompletionResult]::new('render', 'render', [CompletionResultType]::ParameterValue, 'Write every file that would go to a host, without touching one')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show what provision and deploy would do, with the diff of each file')
            [CompletionResult]::new('apply', 'apply', [CompletionResultType]::ParameterValue, 'Carry out a saved plan: exactly that one, or none')
            [CompletionResult]::new('provision', 'provision', [CompletionResultType]::ParameterValue, 'Make the hosts ready: packages, Docker, nginx, databases, sites')
            [CompletionResult]::new('deploy', 'deploy', [CompletionResultType]::ParameterValue, 'Ship what is in this folder: build, start beside the old release, check, switch, drain')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Send requests back to an earlier release, exactly as it was; a second when it is still warm')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'Show who changed what on the hosts, when, from where, and how it ended')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Compare two releases of a service: its files, environment and settings')
            [CompletionResult]::new('lock', 'lock', [CompletionResultType]::ParameterValue, 'See who holds the lock of the stack, or let no run begin for a while')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look at this machine and each host, and say what repairs what is wrong')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say whether everything that must be true is true')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what services say: their containers'' output, and nginx''s logs of the sites')
            [CompletionResult]::new('restart', 'restart', [CompletionResultType]::ParameterValue, 'Stop services and start them again, apps without losing a request')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Take services offline until they are started; `status` tells by whom')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start services that were stopped, as they were')
            [CompletionResult]::new('destroy', 'destroy', [CompletionResultType]::ParameterValue, 'Take the stack away from its hosts: containers, networks, images, units, site, state; data only with --volumes')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a program where a service runs; its exit code is passed on')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a program in a new container or unit, made as the release is that serves, and remove it')
            [CompletionResult]::new('shell', 'shell', [CompletionResultType]::ParameterValue, 'Open a shell where a service runs, or on a host')
            [CompletionResult]::new('db', 'db', [CompletionResultType]::ParameterValue, 'Open a database''s own client, as the stack''s user, with what is behind `--` as its arguments')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Save what a database holds, as of one moment, to a file of this machine')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Put what a backup holds in the place of what a database holds now')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'See it work: a disposable host, the reference app with its database, and the URL')
            [CompletionResult]::new('lab', 'lab', [CompletionResultType]::ParameterValue, 'Disposable hosts that look like fresh EC2 instances')
            [CompletionResult]::new('rehearse', 'rehearse', [CompletionResultType]::ParameterValue, 'Deploy what is in this folder on disposable hosts, under load, and show what visitors see of it')
            [CompletionResult]::new('load', 'load', [CompletionResultType]::ParameterValue, 'Put steady load on a URL and say what became of each request')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'stackctl;init' {
            [CompletionResult]::new('--example', '--example', [CompletionResultType]::ParameterName, 'Unpack this bundled example instead of a starter')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;schema' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;render' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the files below this folder, one folder a host')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write the files below this folder, one folder a host')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;plan' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Save the plan for `stackctl apply FILE`')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Save the plan for `stackctl apply FILE`')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--exit-code', '--exit-code', [CompletionResultType]::ParameterName, 'Exit with 7 when something would change or was changed by hand')
            [CompletionResult]::new('--overwrite-drift', '--overwrite-drift', [CompletionResultType]::ParameterName, 'Plan to put right what was changed by hand on a host')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Plan to run `seed` again where it ran before')
            [CompletionResult]::new('--ignore-dns', '--ignore-dns', [CompletionResultType]::ParameterName, 'Plan to ask for certificates also for names that have no address')
            [CompletionResult]::new('--no-hooks', '--no-hooks', [CompletionResultType]::ParameterName, 'Leave the hooks of the yaml out of what is saved')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;apply' {
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only say whether the plan still holds')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;provision' {
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show the plan and stop')
            [CompletionResult]::new('--overwrite-drift', '--overwrite-drift', [CompletionResultType]::ParameterName, 'Put right what was changed by hand on a host')
            [CompletionResult]::new('--ignore-dns', '--ignore-dns', [CompletionResultType]::ParameterName, 'Ask for certificates also for names that have no address')
            [CompletionResult]::new('--no-hooks', '--no-hooks', [CompletionResultType]::ParameterName, 'Leave the hooks of the yaml out')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;deploy' {
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show the plan and stop')
            [CompletionResult]::new('--overwrite-drift', '--overwrite-drift', [CompletionResultType]::ParameterName, 'Put right what was changed by hand on a host')
            [CompletionResult]::new('--ignore-dns', '--ignore-dns', [CompletionResultType]::ParameterName, 'Ask for certificates also for names that have no address')
            [CompletionResult]::new('--no-hooks', '--no-hooks', [CompletionResultType]::ParameterName, 'Leave the hooks of the yaml out')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Run `seed` again where it ran before')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;rollback' {
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'The release; without one, the last that served before')
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show the plan and stop')
            [CompletionResult]::new('--overwrite-drift', '--overwrite-drift', [CompletionResultType]::ParameterName, 'Put right what was changed by hand on a host')
            [CompletionResult]::new('--ignore-dns', '--ignore-dns', [CompletionResultType]::ParameterName, 'Ask for certificates also for names that have no address')
            [CompletionResult]::new('--no-hooks', '--no-hooks', [CompletionResultType]::ParameterName, 'Leave the hooks of the yaml out')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;history' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'How many runs, the last ones')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'How many runs, the last ones')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;diff' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lock' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say which run holds the lock, or who put the stack on hold')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Let no run begin until `lock release`; one that is under way goes on')
            [CompletionResult]::new('release', 'release', [CompletionResultType]::ParameterValue, 'End a hold, whoever began it')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'stackctl;lock;status' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lock;hold' {
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever is refused')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lock;release' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lock;help' {
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say which run holds the lock, or who put the stack on hold')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Let no run begin until `lock release`; one that is under way goes on')
            [CompletionResult]::new('release', 'release', [CompletionResultType]::ParameterValue, 'End a hold, whoever began it')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'stackctl;lock;help;status' {
            break
        }
        'stackctl;lock;help;hold' {
            break
        }
        'stackctl;lock;help;release' {
            break
        }
        'stackctl;lock;help;help' {
            break
        }
        'stackctl;doctor' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;status' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;logs' {
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only lines after this: a time ago such as 10m, or a time such as 2026-11-21T10:00 (UTC unless it has a zone)')
            [CompletionResult]::new('--grep', '--grep', [CompletionResultType]::ParameterName, 'Only lines with this text in them; capitals count when it has any')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Only the last lines of each service, or `all` [default: 100, or all with --since or --grep]')
            [CompletionResult]::new('--tail', '--tail', [CompletionResultType]::ParameterName, 'Only the last lines of each service, or `all` [default: 100, or all with --since or --grep]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Go on with what is said from now on, also by the releases of later deploys')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on with what is said from now on, also by the releases of later deploys')
            [CompletionResult]::new('--nginx', '--nginx', [CompletionResultType]::ParameterName, 'Also nginx''s access and error logs of the services'' sites')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Show each line''s time')
            [CompletionResult]::new('--timestamps', '--timestamps', [CompletionResultType]::ParameterName, 'Show each line''s time')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;restart' {
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show the plan and stop')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;stop' {
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show the plan and stop')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;start' {
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show the plan and stop')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;destroy' {
            [CompletionResult]::new('--confirm', '--confirm', [CompletionResultType]::ParameterName, 'The stack''s name, in the place of typing it')
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--volumes', '--volumes', [CompletionResultType]::ParameterName, 'Also the data of databases, for good')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show the plan and stop')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;exec' {
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Run as this user of the container or host, by name or number [default: the service''s]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Run as this user of the container or host, by name or number [default: the service''s]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Give the program no terminal, even where there is one')
            [CompletionResult]::new('--no-tty', '--no-tty', [CompletionResultType]::ParameterName, 'Give the program no terminal, even where there is one')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;run' {
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Run as this user of the container or host, by name or number [default: the service''s]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Run as this user of the container or host, by name or number [default: the service''s]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Give the program no terminal, even where there is one')
            [CompletionResult]::new('--no-tty', '--no-tty', [CompletionResultType]::ParameterName, 'Give the program no terminal, even where there is one')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;shell' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'As root')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;db' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;backup' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The file to write; `-` is stdout [default: STACK-SERVICE-TIME.sql.gz in this folder]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The file to write; `-` is stdout [default: STACK-SERVICE-TIME.sql.gz in this folder]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;restore' {
            [CompletionResult]::new('--lock-wait', '--lock-wait', [CompletionResultType]::ParameterName, 'How long to wait while another run holds the lock, such as 30s, 5m or 0')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for whoever finds the lock taken')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Also a backup of another stack, service or host')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;demo' {
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'What the disposable host runs')
            [CompletionResult]::new('--database-image', '--database-image', [CompletionResultType]::ParameterName, 'The database''s image')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The lab''s name [default: from this folder]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Keep the lab running at the end without asking (it is kept anyway; `--down` removes it)')
            [CompletionResult]::new('--down', '--down', [CompletionResultType]::ParameterName, 'Remove what the demo made')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lab' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Boot disposable hosts on the local Docker engine')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say which hosts run and how to reach them')
            [CompletionResult]::new('ssh', 'ssh', [CompletionResultType]::ParameterValue, 'Open a shell on a lab host, or run a command there')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the images that lab hosts can pull, and what each really is')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'Remove the lab: its hosts, networks, volumes and keys')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'stackctl;lab;up' {
            [CompletionResult]::new('--hosts', '--hosts', [CompletionResultType]::ParameterName, 'How many')
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'What they run: bookworm, trixie or sid')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The lab''s name [default: from this folder]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--ready', '--ready', [CompletionResultType]::ParameterName, 'New hosts have Docker, nginx and common images already, as if they had been provisioned before')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lab;status' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The lab''s name [default: from this folder]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lab;ssh' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The lab''s name [default: from this folder]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lab;images' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lab;down' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The lab''s name [default: from this folder]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--images', '--images', [CompletionResultType]::ParameterName, 'Also the cached images of all labs')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;lab;help' {
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Boot disposable hosts on the local Docker engine')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say which hosts run and how to reach them')
            [CompletionResult]::new('ssh', 'ssh', [CompletionResultType]::ParameterValue, 'Open a shell on a lab host, or run a command there')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the images that lab hosts can pull, and what each really is')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'Remove the lab: its hosts, networks, volumes and keys')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'stackctl;lab;help;up' {
            break
        }
        'stackctl;lab;help;status' {
            break
        }
        'stackctl;lab;help;ssh' {
            break
        }
        'stackctl;lab;help;images' {
            break
        }
        'stackctl;lab;help;down' {
            break
        }
        'stackctl;lab;help;help' {
            break
        }
        'stackctl;rehearse' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'The commit that serves first [default: HEAD]')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Requests a second, over all sites')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'Paths to GET, in turn [default: / and the apps'' health paths]')
            [CompletionResult]::new('--post', '--post', [CompletionResultType]::ParameterName, 'A path to POST to and its JSON, in which `{id}` becomes a number of its own')
            [CompletionResult]::new('--calm', '--calm', [CompletionResultType]::ParameterName, 'How long the load goes on before, between and after')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The page to write')
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'What the disposable hosts run')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The lab''s name [default: from this folder]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Keep the disposable hosts at the end')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;load' {
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Requests a second; with --search, the first rate that is tried')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'For how long; with --search, each rate')
            [CompletionResult]::new('--within', '--within', [CompletionResultType]::ParameterName, 'How late an answer may be in a search')
            [CompletionResult]::new('--connect', '--connect', [CompletionResultType]::ParameterName, 'Connect to this address, whatever the URL''s name leads to')
            [CompletionResult]::new('--ca', '--ca', [CompletionResultType]::ParameterName, 'Trust the authorities in this file (PEM) instead of this machine''s')
            [CompletionResult]::new('--connections', '--connections', [CompletionResultType]::ParameterName, 'How many may be under way at once, of each kind')
            [CompletionResult]::new('--close', '--close', [CompletionResultType]::ParameterName, 'The share of requests with a connection of their own; the others use kept ones')
            [CompletionResult]::new('--get', '--get', [CompletionResultType]::ParameterName, 'More paths to GET, in turn with the URL''s; that is left out when it is / and something else is asked')
            [CompletionResult]::new('--post', '--post', [CompletionResultType]::ParameterName, 'A path to POST to and its JSON, in which `{id}` becomes a number of its own; taken in turn with the others')
            [CompletionResult]::new('--id-prefix', '--id-prefix', [CompletionResultType]::ParameterName, 'What the ids of POSTs begin with')
            [CompletionResult]::new('--websockets', '--websockets', [CompletionResultType]::ParameterName, 'WebSockets that stay open and exchange a message each second')
            [CompletionResult]::new('--websocket-path', '--websocket-path', [CompletionResultType]::ParameterName, 'Where the server sends messages back')
            [CompletionResult]::new('--downloads', '--downloads', [CompletionResultType]::ParameterName, 'Downloads at a time that are read slowly')
            [CompletionResult]::new('--download-path', '--download-path', [CompletionResultType]::ParameterName, 'What they download')
            [CompletionResult]::new('--version-header', '--version-header', [CompletionResultType]::ParameterName, 'The header of answers that names the version which answered')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'A request without a whole answer after this long is lost')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('--search', '--search', [CompletionResultType]::ParameterName, 'Find the highest rate at which nothing is lost and 99 of 100 answers come within --within')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;completions' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The stack''s yaml; `-` reads it from stdin [default: stackctl.yaml here or in a folder above]')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Merge stackctl.NAME.yaml over the stack''s yaml')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only these hosts')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only these services')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colours; `auto` follows the terminal and NO_COLOR')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object on stdout instead of text')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show what runs on the hosts and what it says, secrets masked; twice for more')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Only errors and the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'stackctl;help' {
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a commented stackctl.yaml, or unpack a bundled example')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of stackctl.yaml, for editors')
            [CompletionResult]::new('render', 'render', [CompletionResultType]::ParameterValue, 'Write every file that would go to a host, without touching one')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show what provision and deploy would do, with the diff of each file')
            [CompletionResult]::new('apply', 'apply', [CompletionResultType]::ParameterValue, 'Carry out a saved plan: exactly that one, or none')
            [CompletionResult]::new('provision', 'provision', [CompletionResultType]::ParameterValue, 'Make the hosts ready: packages, Docker, nginx, databases, sites')
            [CompletionResult]::new('deploy', 'deploy', [CompletionResultType]::ParameterValue, 'Ship what is in this folder: build, start beside the old release, check, switch, drain')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Send requests back to an earlier release, exactly as it was; a second when it is still warm')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'Show who changed what on the hosts, when, from where, and how it ended')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Compare two releases of a service: its files, environment and settings')
            [CompletionResult]::new('lock', 'lock', [CompletionResultType]::ParameterValue, 'See who holds the lock of the stack, or let no run begin for a while')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look at this machine and each host, and say what repairs what is wrong')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say whether everything that must be true is true')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what services say: their containers'' output, and nginx''s logs of the sites')
            [CompletionResult]::new('restart', 'restart', [CompletionResultType]::ParameterValue, 'Stop services and start them again, apps without losing a request')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Take services offline until they are started; `status` tells by whom')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start services that were stopped, as they were')
            [CompletionResult]::new('destroy', 'destroy', [CompletionResultType]::ParameterValue, 'Take the stack away from its hosts: containers, networks, images, units, site, state; data only with --volumes')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a program where a service runs; its exit code is passed on')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a program in a new container or unit, made as the release is that serves, and remove it')
            [CompletionResult]::new('shell', 'shell', [CompletionResultType]::ParameterValue, 'Open a shell where a service runs, or on a host')
            [CompletionResult]::new('db', 'db', [CompletionResultType]::ParameterValue, 'Open a database''s own client, as the stack''s user, with what is behind `--` as its arguments')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Save what a database holds, as of one moment, to a file of this machine')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Put what a backup holds in the place of what a database holds now')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'See it work: a disposable host, the reference app with its database, and the URL')
            [CompletionResult]::new('lab', 'lab', [CompletionResultType]::ParameterValue, 'Disposable hosts that look like fresh EC2 instances')
            [CompletionResult]::new('rehearse', 'rehearse', [CompletionResultType]::ParameterValue, 'Deploy what is in this folder on disposable hosts, under load, and show what visitors see of it')
            [CompletionResult]::new('load', 'load', [CompletionResultType]::ParameterValue, 'Put steady load on a URL and say what became of each request')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'stackctl;help;init' {
            break
        }
        'stackctl;help;schema' {
            break
        }
        'stackctl;help;render' {
            break
        }
        'stackctl;help;plan' {
            break
        }
        'stackctl;help;apply' {
            break
        }
        'stackctl;help;provision' {
            break
        }
        'stackctl;help;deploy' {
            break
        }
        'stackctl;help;rollback' {
            break
        }
        'stackctl;help;history' {
            break
        }
        'stackctl;help;diff' {
            break
        }
        'stackctl;help;lock' {
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say which run holds the lock, or who put the stack on hold')
            [CompletionResult]::new('hold', 'hold', [CompletionResultType]::ParameterValue, 'Let no run begin until `lock release`; one that is under way goes on')
            [CompletionResult]::new('release', 'release', [CompletionResultType]::ParameterValue, 'End a hold, whoever began it')
            break
        }
        'stackctl;help;lock;status' {
            break
        }
        'stackctl;help;lock;hold' {
            break
        }
        'stackctl;help;lock;release' {
            break
        }
        'stackctl;help;doctor' {
            break
        }
        'stackctl;help;status' {
            break
        }
        'stackctl;help;logs' {
            break
        }
        'stackctl;help;restart' {
            break
        }
        'stackctl;help;stop' {
            break
        }
        'stackctl;help;start' {
            break
        }
        'stackctl;help;destroy' {
            break
        }
        'stackctl;help;exec' {
            break
        }
        'stackctl;help;run' {
            break
        }
        'stackctl;help;shell' {
            break
        }
        'stackctl;help;db' {
            break
        }
        'stackctl;help;backup' {
            break
        }
        'stackctl;help;restore' {
            break
        }
        'stackctl;help;demo' {
            break
        }
        'stackctl;help;lab' {
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Boot disposable hosts on the local Docker engine')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say which hosts run and how to reach them')
            [CompletionResult]::new('ssh', 'ssh', [CompletionResultType]::ParameterValue, 'Open a shell on a lab host, or run a command there')
            [CompletionResult]::new('images', 'images', [CompletionResultType]::ParameterValue, 'List the images that lab hosts can pull, and what each really is')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'Remove the lab: its hosts, networks, volumes and keys')
            break
        }
        'stackctl;help;lab;up' {
            break
        }
        'stackctl;help;lab;status' {
            break
        }
        'stackctl;help;lab;ssh' {
            break
        }
        'stackctl;help;lab;images' {
            break
        }
        'stackctl;help;lab;down' {
            break
        }
        'stackctl;help;rehearse' {
            break
        }
        'stackctl;help;load' {
            break
        }
        'stackctl;help;completions' {
            break
        }
        'stackctl;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
