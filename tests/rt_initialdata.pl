# What the live tests need in a fresh Request Tracker: a queue, and a token for its administrator.
our @Queues = ({
    Name              => 'Support',
    Description       => 'Customer support',
    CorrespondAddress => 'support@kestrel.example',
});

our @Final = (sub {
    my $root = RT::User->new(RT->SystemUser);
    $root->Load('root');
    my $token = RT::AuthToken->new(RT->SystemUser);
    my ($ok, $message, $secret) = $token->Create(Owner => $root->id, Description => 'live tests');
    die $message unless $ok;
    open my $out, '>', $ENV{HALLWAY_RT_TOKEN} or die "no place for the token: $!";
    print {$out} $secret;
    close $out or die "the token was not written: $!";
});
