# dial stdio (unix PATH | tcp ADDRESS:PORT): joins stdin and stdout with a socket
# dial relay PATH SOCKET FOLDER: in the background, joins each connection to SOCKET with one to PATH, until FOLDER
# is gone
# exits with 66 when there is no such socket, 69 when nobody listens on it, 70 when something else is wrong
use strict;
use warnings;
use Errno;
use POSIX ();
use IO::Select;
use IO::Socket::UNIX;

my ($mode, @rest) = @ARGV;
$SIG{PIPE} = "IGNORE";
$SIG{CHLD} = "IGNORE";

sub connection {
    my ($kind, $where) = @_;
    return IO::Socket::UNIX->new(Peer => $where) if $kind eq "unix";
    # Not needed by relays, and slow to load.
    require IO::Socket::IP;
    my ($address, $port) = $where =~ /^\[?(.*?)\]?:(\d+)$/;
    return IO::Socket::IP->new(PeerHost => $address, PeerPort => $port, Proto => "tcp");
}

sub checked {
    my $socket = connection(@_);
    return $socket if $socket;
    exit 66 if $!{ENOENT};
    exit 69 if $!{ECONNREFUSED} || $!{ENOTSOCK};
    print STDERR "$!\n";
    exit 70;
}

# Moves bytes both ways until both have ended; an end in one way is passed on and the other way goes on.
sub join_both {
    my ($in, $out, $socket, $folder) = @_;
    my %towards = ($in => $socket, $socket => $out);
    my $open = IO::Select->new($in, $socket);
    while ($open->count) {
        my @ready = $open->can_read($folder ? 1 : undef);
        return if not @ready and $folder and not -d $folder;
        for my $from (@ready) {
            my $to = $towards{$from};
            my $n = sysread $from, my $data, 65536;
            if (not $n) {
                $open->remove($from);
                # sudo holds our stdout too, so only our end tells the other side.
                return if not $to->isa("IO::Socket");
                shutdown $to, 1;
                next;
            }
            my $done = 0;
            while ($done < $n) {
                my $m = syswrite $to, $data, $n - $done, $done;
                return if not defined $m;
                $done += $m;
            }
        }
    }
}

if ($mode eq "stdio") {
    my $socket = checked(@rest);
    syswrite STDOUT, "stackctl-ready\n";
    join_both(*STDIN{IO}, *STDOUT{IO}, $socket, undef);
    exit 0;
}

my ($path, $listen, $folder) = @rest;
close checked("unix", $path);
my $server = IO::Socket::UNIX->new(Local => $listen, Listen => 64) or exit 70;
my $pid = fork;
exit 70 if not defined $pid;
POSIX::_exit(0) if $pid;
POSIX::setsid();
open STDIN, "<", "/dev/null";
open STDOUT, ">", "/dev/null";
open STDERR, ">", "/dev/null";
chdir "/";
my $waiting = IO::Select->new($server);
while (-d $folder) {
    next if not $waiting->can_read(1);
    my $client = $server->accept or next;
    my $child = fork;
    if (defined $child and $child == 0) {
        close $server;
        my $socket = connection("unix", $path) or POSIX::_exit(0);
        join_both($client, $client, $socket, $folder);
        POSIX::_exit(0);
    }
    close $client;
}
unlink $listen;
(my $parent = $listen) =~ s{/[^/]*$}{};
rmdir $parent;
