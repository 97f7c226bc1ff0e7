# perl PROGRAM [ARG...]: becomes a perl program; perl-base is essential on Debian and Ubuntu
exec perl -e "$@"
