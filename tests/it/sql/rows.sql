INSERT INTO names VALUES ('Ada');
