# An account that has the rights which the settings ask for where customers may send something, and no more.
our @Final = (sub {
    my $user = RT::User->new(RT->SystemUser);
    $user->LoadOrCreateByEmail('sender@kestrel.example');
    $user->SetPrivileged(1);
    for my $right (qw(SeeQueue ShowTicket CreateTicket ReplyToTicket ModifyTicket CommentOnTicket ShowTicketComments)) {
        next if $user->PrincipalObj->HasRight(Object => RT->System, Right => $right);
        my ($ok, $message) = $user->PrincipalObj->GrantRight(Object => RT->System, Right => $right);
        die $message unless $ok;
    }
    my $token = RT::AuthToken->new(RT->SystemUser);
    my ($ok, $message, $secret) = $token->Create(Owner => $user->id, Description => 'live tests');
    die $message unless $ok;
    open my $out, '>', $ENV{HALLWAY_RT_TOKEN} or die "no place for the token: $!";
    print {$out} $secret;
    close $out or die "the token was not written: $!";
});
