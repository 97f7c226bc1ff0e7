# lease LOCK HOLD PENDING HISTORY CONNECTION <HELLO, then heartbeats
# Holds the lock of a stack for one run, for as long as that run is heard; recovers from a run that is gone
#
# stdin: TOKEN WAIT SILENCE OWNER_BYTES RECOVER_BYTES, a newline, the owner as a JSON object in one line, recover.sh;
#   then a line `beat N` from time to time, and at the end `bye`
# stdout, one line each: `busy SECONDS OWNER` when another run holds the lock, again when it is another one;
#   `hold OWNER` or `refused` and the end; `recovering RUN`, `said LINE`, `recovered STATUS` when a run was left
#   unfinished; `held GENERATION`; `beat N`; `bye`; `broken REASON` when there can be no lock, and the end
# LOCK goes, and its folder when it is empty, once a run has ended beside whose PENDING there is no manifest.json: nothing is left
# of the stack, or never was anything
# LOCK holds `GENERATION TOKEN`, and the owner on a second line. Who does not find its own TOKEN there is fenced off.
# The session that made a FIFO of the name lease.TOKEN in its folder is told there too: 0, or the exit status: 73 broken,
# 75 refused, 77 on hold
#
# Without `bye`, at the end of stdin or when nothing was heard for SILENCE seconds, everything of the connection is
# ended, marked as it is with CONNECTION, then recover.sh runs, then the lock is free. None of it needs stdout.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock :mode);
use IO::Select;
use POSIX ();

my ($lock_path, $hold_path, $pending, $history, $connection) = @ARGV;
# Longer ones are ended; what they did not take back is left to the next run.
my $recover_limit = 120;

my $worker = fork;
exit 70 if not defined $worker;
if ($worker) {
    # sudo and sshd wait for this process; the worker is out of reach of their signals.
    $SIG{$_} = "IGNORE" for qw(HUP INT TERM PIPE);
    while (waitpid($worker, 0) != $worker) { }
    exit($? >> 8);
}
POSIX::setsid();
$SIG{$_} = "IGNORE" for qw(HUP INT TERM PIPE);
if (open my $score, ">", "/proc/self/oom_score_adj") {
    syswrite $score, "-1000";
}

my $ticks = POSIX::sysconf(&POSIX::_SC_CLK_TCK);

# Seconds of a clock that nobody sets.
sub now { return (POSIX::times())[0] / $ticks }

sub slurp {
    my ($path) = @_;
    open my $file, "<", $path or return "";
    local $/;
    my $text = <$file>;
    return defined $text ? $text : "";
}

sub say_line {
    # Nobody may listen any more.
    syswrite STDOUT, "$_[0]\n";
}

# --- what is heard

my ($inbox, $heard, $ended, $bye, $counted) = ("", now(), 0, 0, 0);
my ($token, $wait, $silence, $owner, $recover);

# Waits for as long as SECONDS; returns at once when OTHER can be read.
sub hear {
    my ($seconds, $other) = @_;
    my $open = IO::Select->new($ended ? () : \*STDIN, $other ? $other : ());
    if (not $open->count) {
        select undef, undef, undef, $seconds;
        return;
    }
    for my $ready ($open->can_read($seconds)) {
        next if $other and $ready == $other;
        my $n = sysread STDIN, $inbox, 65536, length $inbox;
        if ($n) { $heard = now() }
        elsif (defined $n or not $!{EAGAIN}) { $ended = 1 }
    }
    return if not defined $recover;
    while ($inbox =~ s/^([^\n]*)\n//) {
        if ($1 eq "bye") { $bye = 1 }
        elsif ($1 =~ /^beat (\d+)$/) { say_line("beat $1") }
    }
}

# Why the run has to be taken for gone; nothing when it has not.
sub gone {
    return "" if $bye;
    return "its connection ended" if $ended;
    return sprintf "nothing was heard of it for %d s", $silence if now() - $heard > $silence;
    return "";
}

until (defined $recover) {
    exit 64 if $ended or now() - $heard > 30;
    hear(1);
    next if $inbox !~ /^(\w+) ([\d.]+) ([\d.]+) (\d+) (\d+)\n/;
    my $head = length $&;
    next if length $inbox < $head + $4 + $5;
    ($token, $wait, $silence) = ($1, $2, $3);
    $owner = substr $inbox, $head, $4;
    $recover = substr $inbox, $head + $4, $5;
    $inbox = substr $inbox, $head + $4 + $5;
}
say_line("stackctl-ready");

# --- the session that waits for us

my ($answer, $session);

sub tell_session {
    return if not defined $answer;
    for my $fifo (glob "/run/stackctl.*/lease.$token /tmp/stackctl.*/lease.$token") {
        my ($mode, $user) = (lstat $fifo)[2, 4];
        next if not defined $mode or not S_ISFIFO($mode) or $user != $>;
        # Not before somebody reads it.
        sysopen my $out, $fifo, O_WRONLY | O_NONBLOCK or next;
        syswrite $out, "$answer\n";
        ($session) = $fifo =~ m{^(.*)/};
        undef $answer;
        return;
    }
}

# Lets the session hear that there is no lock, then ends. It is told as long as the run waits for that.
sub give_up {
    my ($line, $status) = @_;
    say_line($line);
    $answer = $status;
    my $until = now() + 30;
    while (defined $answer and not $ended and now() < $until) {
        tell_session();
        hear(0.005);
    }
    exit $status;
}

# --- the processes of this connection

# Process id to [state, parent, start].
sub processes {
    my %all;
    opendir my $proc, "/proc" or return %all;
    for my $pid (grep { /^\d+$/ } readdir $proc) {
        my $stat = slurp("/proc/$pid/stat");
        $all{$pid} = [$1, $2, $3] if $stat =~ /^\d+ \(.*\) (\S) (\d+)(?: \S+){17} (\d+) /s;
    }
    return %all;
}

# Numbers of the connected TCP sockets that a process holds.
sub sockets {
    my ($pid) = @_;
    my (%connected, %held);
    for my $table ("tcp", "tcp6") {
        for my $line (split /\n/, slurp("/proc/$pid/net/$table")) {
            my @columns = split " ", $line;
            # 0A: it listens.
            $connected{$columns[9]} = 1 if @columns > 9 and $columns[3] ne "0A";
        }
    }
    opendir my $folder, "/proc/$pid/fd" or return %held;
    for my $fd (readdir $folder) {
        my $target = readlink "/proc/$pid/fd/$fd";
        $held{$1} = 1 if $target and $target =~ /^socket:\[(\d+)\]$/ and $connected{$1};
    }
    return %held;
}

# From us upwards: those between us and the SSH server, which wait for us; and the server's own of this connection, which
# hold its socket. The one that listens for others does not.
sub lineage {
    my %all = processes();
    my ($pid, @waiting, @serving, %shared) = ($$);
    while ($pid > 1 and $all{$pid}) {
        my %sockets = sockets($pid);
        my @both = @serving ? grep { $shared{$_} } keys %sockets : keys %sockets;
        if (@both) {
            %shared = map { $_ => 1 } @both;
            push @serving, [$pid, $all{$pid}[2]];
        } else {
            last if @serving;
            push @waiting, $pid;
        }
        $pid = $all{$pid}[1];
    }
    return (\@waiting, \@serving);
}
my ($waiting, $serving) = lineage();
# Not by the marks alone: without a server of its own, somebody else's would be the parent.
$waiting = [$$, getppid] if not @$serving;

# All that still run, but for us and those that wait for us.
sub members {
    my %all = processes();
    my %children;
    push @{$children{$all{$_}[1]}}, $_ for keys %all;
    my @found = map { $_->[0] } grep { $all{$_->[0]} and $all{$_->[0]}[2] == $_->[1] } @$serving;
    for my $pid (keys %all) {
        my $marked = slurp("/proc/$pid/environ") =~ /(?:^|\0)STACKCTL_CONNECTION=\Q$connection\E(?:\0|$)/;
        push @found, $pid if $marked or slurp("/proc/$pid/cmdline") =~ /(?:^|\0)\Q$connection\E(?:\0|$)/;
    }
    my %members;
    while (defined(my $pid = pop @found)) {
        next if $members{$pid}++;
        push @found, @{$children{$pid} || []};
    }
    delete @members{@$waiting};
    return grep { $all{$_} and $all{$_}[0] ne "Z" } keys %members;
}

# Whether all have ended within SECONDS.
sub have_ended {
    my ($seconds) = @_;
    my $until = now() + $seconds;
    while (members()) {
        return 0 if now() > $until;
        hear(0.05);
    }
    return 1;
}

# Ends everything of this connection.
sub fence {
    my (%relays, @carrying);
    for my $pid (members()) {
        my $words = slurp("/proc/$pid/cmdline");
        $relays{$1} = 1 if $words =~ m{(/(?:run|tmp)/stackctl-relay\.\w+)/};
        push @carrying, $pid if $words =~ /\0# dial stdio /;
    }
    # Without the server, shells and streams see the end of their input, and clear up after what they are just doing. What
    # only carries bytes has nothing to clear up, and would wait for the other side.
    kill "TERM", @carrying, map { $_->[0] } @$serving;
    if (not have_ended(1.3)) {
        kill "TERM", members();
        have_ended(0.5);
    }
    for (1 .. 20) {
        # Stopped first, so that none starts another meanwhile.
        my %stopped;
        while (my @new = grep { not $stopped{$_}++ } members()) { kill "STOP", @new }
        last if not %stopped;
        kill "KILL", keys %stopped;
        last if have_ended(0.25);
    }
    remove_folders(keys %relays);
}

# Of these and the session's, those that are there: who was ended while it cleared up has left some of it.
sub remove_folders {
    push @_, $session if defined $session and $session =~ m{^/(?:run|tmp)/stackctl\.\w+$};
    my @folders = grep { -d $_ } @_;
    system "rm", "-rf", "--", @folders if @folders;
}

# After a good-bye little is left, if anything: the session that ends at the same time, and what it was doing when somebody
# stopped the run. Relays see the session go, and end a little later.
sub end_quietly {
    my %serving = map { $_->[0] => 1 } @$serving;
    my $left = sub { grep { not $serving{$_} and slurp("/proc/$_/cmdline") !~ m{/stackctl-relay\.} } members() };
    for my $signal ("CONT", "TERM", "KILL") {
        my $until = now() + 0.5;
        while (my @left = $left->()) {
            last if now() > $until;
            kill $signal, @left if $signal ne "CONT";
            hear(0.02);
        }
    }
    remove_folders();
}

# --- the lock

my ($lock, $generation);

sub write_lock {
    my ($first, $second) = @_;
    my $text = "$generation $first\n" . (defined $second ? "$second\n" : "");
    # In one write, then cut: whoever reads meanwhile finds a whole first line.
    sysseek $lock, 0, 0;
    syswrite $lock, $text;
    truncate $lock, length $text;
}

sub release {
    write_lock("-");
    my ($state) = $pending =~ m{^(.*)/};
    if (not -e "$state/manifest.json") {
        # Nothing of the stack is kept here, so nothing of its runs stays either. Who waits has the file open, and opens
        # another: see is_same.
        unlink $lock_path;
        # Only when no other stack has anything there.
        rmdir $lock_path =~ s{/[^/]*$}{}r;
    }
    close $lock;
}

# The owner, with what only this host knows.
sub described {
    my (%more) = @_;
    my $text = "";
    $text .= sprintf ',"%s":%s', $_, $more{$_} for sort keys %more;
    return $owner =~ s/\}\s*$/$text}/r;
}

sub uptime { return (split " ", slurp("/proc/uptime"))[0] }

sub refuse_on_hold {
    return if not -e $hold_path;
    my $text = slurp($hold_path);
    $text =~ s/\s+/ /g;
    give_up("hold $text", 77);
}

sub open_lock {
    my ($folder) = $lock_path =~ m{^(.*)/};
    for (1 .. 100) {
        if (not -d $folder) {
            mkdir $folder;
            chmod 0755, $folder;
        }
        return if sysopen $lock, $lock_path, O_RDWR | O_CREAT, 0600;
        # A run that ends may take the folder away meanwhile.
        last if not $!{ENOENT};
    }
    give_up("broken cannot open $lock_path: $!", 73);
}

# Whether the path still leads to what we have open.
sub is_same {
    my @ours = stat $lock;
    my @there = stat $lock_path or return 0;
    return $ours[0] == $there[0] && $ours[1] == $there[1];
}

refuse_on_hold();
open_lock();
my ($asked, $told) = (now(), "");
until (flock $lock, LOCK_EX | LOCK_NB and is_same()) {
    if (not is_same()) {
        open_lock();
        next;
    }
    my ($first, $holder) = split /\n/, slurp($lock_path);
    $holder = "{}" if not $holder;
    if ($holder ne $told) {
        my $age = $holder =~ /"uptime":([\d.]+)/ ? uptime() - $1 : 0;
        say_line(sprintf "busy %d %s", $age, $holder);
        $told = $holder;
    }
    give_up("refused", 75) if now() - $asked >= $wait;
    hear(0.05);
    exit 0 if $bye or gone();
}
refuse_on_hold();
my ($before) = slurp($lock_path) =~ /^(\d+) /;
$generation = 1 + (defined $before ? $before : 0);
my %since = (
    generation => $generation,
    since => POSIX::strftime('"%Y-%m-%dT%H:%M:%SZ"', gmtime),
    uptime => uptime(),
);
# The token comes last: nothing of this run may begin before it holds what an earlier one left in order.
write_lock("-", described(%since));

# --- recovering

# Runs recover.sh and passes on what it says; beats are answered meanwhile.
sub recover {
    my ($why) = @_;
    pipe my $out, my $in or return;
    my $child = fork;
    return if not defined $child;
    if ($child == 0) {
        POSIX::setpgid(0, 0);
        $SIG{$_} = "DEFAULT" for qw(HUP INT TERM PIPE);
        delete $ENV{STACKCTL_CONNECTION};
        open STDIN, "<", "/dev/null";
        open STDOUT, ">&", $in;
        open STDERR, ">&", $in;
        if (open my $score, ">", "/proc/self/oom_score_adj") { syswrite $score, "0" }
        no warnings "exec";
        exec "/bin/sh", "-c", $recover, "recover.sh", $pending, $history, $why;
        POSIX::_exit(127);
    }
    close $in;
    my ($said, $until) = ("", now() + $recover_limit);
    while (now() < $until) {
        hear(0.5, $out);
        next if not IO::Select->new($out)->can_read(0);
        last if not sysread $out, $said, 65536, length $said;
        say_line("said $1") while $said =~ s/^([^\n]*)\n//;
    }
    kill "KILL", -$child if now() >= $until;
    waitpid $child, 0;
    return $? & 127 ? 128 + ($? & 127) : $? >> 8;
}

if (-e $pending) {
    my ($run) = split /\n/, slurp($pending);
    say_line("recovering " . (defined $run ? $run : ""));
    my $status = recover("interrupted: found by the next run");
    say_line("recovered " . (defined $status ? $status : 70));
}

# --- holding it

write_lock($token, described(%since));
say_line("held $generation");
$answer = 0;
until ($bye or gone()) {
    tell_session();
    # A tick longer than the silence may last, and no more: the rest of the time is for taking back.
    hear(defined $answer ? 0.005 : $heard + $silence - now() + 0.01);
}
if ($bye) {
    end_quietly();
    release();
    say_line("bye");
    exit 0;
}
my $why = gone();
# From here on the session refuses what it may still have been sent.
write_lock("-", described(%since, ending => "\"$why\""));
fence();
my $status = recover("interrupted: $why");
release();
my $result = not(defined $status) ? "nothing could be run to take it back"
    : $status ? "not everything could be taken back; the next run tries again"
    : "what it had not confirmed is taken back";
system "logger", "-t", "stackctl", "--", "$lock_path: a run is gone, $why: $result" if -x "/usr/bin/logger";
